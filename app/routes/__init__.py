"""HTTP routes beside Streamlit's own: large files, and what the front ends ask for."""
