"""``python -m filterwatch``."""

from filterwatch.cli import main

if __name__ == "__main__":
    main()
