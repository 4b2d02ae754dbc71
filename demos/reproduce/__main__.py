"""`python -m edgeskip.demos.reproduce`."""

from edgeskip.demos.reproduce.run import main

if __name__ == "__main__":
    main()
