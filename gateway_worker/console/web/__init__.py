"""What is the same for all pages: who may, which headers, templates, streams."""
