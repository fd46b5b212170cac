"""What a claim is and how it is decided, general over papers."""
