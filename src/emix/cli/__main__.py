"""`python -m emix.cli` is `emix`."""

from emix.cli import main

if __name__ == "__main__":
    main()
