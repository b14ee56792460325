"""What the dialogue role's scenes are made of.

scenes     a scene as a text and back: persona, turns, what may not be said
personas   who can speak, made from lists; those of dev and test have trades train never has
questions  what a player can ask of a persona, made from templates
chitchat   what people said to each other, from the archive of the chitchat-dataset package
    making     the tasks of all splits
"""
