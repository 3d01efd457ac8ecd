"""File names, keys and values of SageMaker Ground Truth's video object tracking that readers and writers share."""

INPUT_MANIFEST = "input.manifest"
CATEGORIES_FILE = "label-categories.json"
OUTPUT_MANIFEST = "output.manifest"
OUTPUT_MANIFEST_PATH = f"manifests/output/{OUTPUT_MANIFEST}"  # in the output folder of a job
LABELS_PATH = "annotations/consolidated-annotation"  # in the output folder of a job

TASK_TYPE = "groundtruth/video-object-tracking"
INITIAL_LABELS_ATTRIBUTE = "earlier-ref"  # the label attribute of the labels that a job corrects
# Key of what this console writes into the lines of a manifest. Ground Truth copies it from the input to the output.
STUDIO_KEY = "bytetrack-studio"
ATTRIBUTE_SET, ATTRIBUTE_NOT_SET = "Yes", "No"  # values of the attributes of a box
