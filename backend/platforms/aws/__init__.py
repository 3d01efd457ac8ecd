"""Amazon SageMaker as a platform."""
