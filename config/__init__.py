"""What the user wrote: the files of a project folder, read and checked."""
