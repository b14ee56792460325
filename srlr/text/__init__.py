"""What any part may need to know about plain text: when two are the same, and which are alike."""
