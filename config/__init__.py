"""What people wrote, checked: models, positions, problems; imports nothing of ours."""
