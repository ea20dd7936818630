"""What article pages load: published prompt files and the optional script. Any site may read it; it knows no reader."""
