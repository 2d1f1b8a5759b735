"""The commands of the command line, one file each as they grow."""
