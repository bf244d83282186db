"""Pictures made anew: backgrounds, styles, colours, detail."""
