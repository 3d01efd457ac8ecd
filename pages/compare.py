from app.widgets import page_header

page_header("compare")
