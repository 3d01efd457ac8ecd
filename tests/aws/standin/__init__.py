"""A stand-in for AWS: SageMaker of our own before moto's server, which runs the image's programs for real."""
