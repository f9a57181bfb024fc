"""The tests, a package of their own: some libraries install one of that name too."""
