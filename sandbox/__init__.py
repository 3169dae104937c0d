"""A simulated company and fake vendors over real HTTP; imports nothing of ours."""
