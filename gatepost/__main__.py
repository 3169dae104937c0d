"""`python -m gatepost`, for where the command itself is not on the PATH.

Use `python -P -m gatepost` beside files of your own called config.py or sync.py.
"""

from gatepost.cli import main

main()
