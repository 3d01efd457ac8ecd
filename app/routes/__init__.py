"""HTTP routes beside Streamlit's own: uploads, files, and data that the components in the browser request."""
