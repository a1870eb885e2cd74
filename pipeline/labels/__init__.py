"""What the networks learn from: generated pages and corrected pictures, matched with their truth."""
