/* The faces of deskrun-init: each takes its own arguments, argv[0] included,
 * and returns an exit status. */
#ifndef DESKRUN_INIT_INIT_H
#define DESKRUN_INIT_INIT_H

int supervise_main(int argc, char **argv);
int shim_main(char **argv);
int hook_main(int argc, char **argv);
int install_main(int argc, char **argv);

#endif
