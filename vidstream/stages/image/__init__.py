"""Pictures to pictures: what makes detection easier; results stay in source pixels."""
