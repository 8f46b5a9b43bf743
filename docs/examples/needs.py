"""
Ends the program with one line, and the remedy, if this Python is too old or has no psycopg 3. Older Pythons can read this file.
"""
import sys

if sys.version_info < (3, 11):
    sys.exit(f"{sys.executable} is Python {sys.version.split()[0]}. Run this with Python 3.11 or newer.")
try:
    import psycopg.rows  # psycopg2 is another package.
except ImportError as error:
    sys.exit(f"{sys.executable} cannot load psycopg 3 ({str(error).splitlines()[0]}). Install it (apt install python3-psycopg), "
             "and run this with a Python that has it (Debian's own is /usr/bin/python3).")
