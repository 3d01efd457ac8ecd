"""The platforms that jobs and endpoints run on: this machine, and Amazon SageMaker."""
