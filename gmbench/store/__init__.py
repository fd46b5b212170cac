"""What is kept: files of results, where they were made, read through one door."""
