"""SageMaker Ground Truth video object tracking: job input, job output, and writing labels in its layout."""
