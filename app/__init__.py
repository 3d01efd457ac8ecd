"""The Streamlit entry point (navigation, theme, uploads) and the widgets that pages share."""
