"""One pass through the arrows: pull, lake, compute, diff, push. What every command is made of.

`Cycle` holds what one command needs open: the state, the lake, the engine. Each step is a method that
does its own step and those before it, once.
"""
