"""The same mesh and the same problem, solved by sacrofem and by its peers."""
