"""A role of one's own, made from a table of labelled texts: module, YAML and test, ready to run.

columns    which column holds the texts and which the labels
cues       the words that speak for a label
classify   the module that is written, as a working role; check_classify its test
naming     which names a role may have
writing    the three files
"""
