/*
 * Unpacking a tarball that nobody vouches for.
 *
 * The archive's digest is checked before a byte of it is interpreted, where a
 * digest is known. Members are regular files, directories, and links that
 * stay inside; anything else, a name that leads out, or more than the limits
 * below ends it with an error that names archive and member. What is there in
 * the end is read-only (files 0444 or 0555, directories 0555), belongs to the
 * caller, has no setuid bits, ACLs or extended attributes, and has reached
 * the disk.
 *
 * dir/name appears complete, by one rename(2), or not at all. The work is
 * done in a temporary sibling (".NAME.*.unpacking") that its process holds an
 * flock(2) on; those of dead processes are removed by the next call.
 *
 * Sources: libarchive(3), archive_write_disk(3), openat2(2).
 */
#ifndef DESKRUN_ARCHIVE_UNPACK_H
#define DESKRUN_ARCHIVE_UNPACK_H

#include <signal.h>
#include <stdint.h>

#include "util/err.h"

/* Limits; a runner has 9,000 members, 1.5 GB and names of 200 bytes. */
#define UNPACK_MEMBERS_MAX 100000u
#define UNPACK_BYTES_MAX (16ull << 30)
#define UNPACK_NAME_MAX 1024
#define UNPACK_DEPTH_MAX 48

/* All is borrowed for the call. */
struct unpack_request {
	int fd;		     /* the archive: a tar, plain or by gzip */
	const char *archive; /* its name in errors */
	/* Hexadecimal SHA-256 of the file, or NULL: not known. Then damage
	 * that still inflates goes unnoticed. */
	const char *sha256;
	int dirfd;	  /* where name is to appear; an open directory */
	const char *name; /* no slash */
	/* Called some times a second with bytes of the archive. May be NULL. */
	void (*progress)(void *arg, uint64_t done, uint64_t total);
	void *progress_arg;
	const volatile sig_atomic_t *interrupted; /* or NULL */
};

/*
 * Blocks for seconds. When dir/name exists already, or appears meanwhile, it
 * is left as it is: success. The working directory of the process is another
 * one during the call (libarchive extracts there), and the old one after it.
 * DR_FAILED, or DR_INTERRUPTED.
 */
int unpack_tarball(const struct unpack_request *request, struct dr_err *err);

#endif
