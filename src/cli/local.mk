# see ../../Makefile.am
