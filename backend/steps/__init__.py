"""What jobs do and pages show: one module for each step of the journey."""
