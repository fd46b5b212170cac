"""Markdown, HTML and the words that pages share."""
