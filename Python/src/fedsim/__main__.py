"""``python -m fedsim`` is the ``fedsim`` command."""

from fedsim._command import main

if __name__ == "__main__":
    main()
