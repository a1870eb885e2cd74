"""What every stage uses: parameters, paths, errors, and files written whole."""
