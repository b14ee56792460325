"""One module per stage of a run, and the pipeline that puts them in order."""
