"""A stand-in for AWS: an implementation of SageMaker, which runs the image's programs, in front of moto's server."""
