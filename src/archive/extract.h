/*
 * The members of an archive into an empty directory, and its closing.
 *
 * These are the two halves of unpack.h that know libarchive and the file
 * tree; errors name the member, not the archive.
 */
#ifndef DESKRUN_ARCHIVE_EXTRACT_H
#define DESKRUN_ARCHIVE_EXTRACT_H

#include "archive/unpack.h"

/*
 * Extracts all members below dirfd, which is the working directory during the
 * call. What is there after a failure is to be removed.
 */
int extract_members(const struct unpack_request *request, int dirfd,
	struct dr_err *err);

/*
 * Goes through what was extracted: every symbolic link must resolve inside
 * (or dangle there), every directory becomes read-only, and all is synced.
 */
int extract_seal(int dirfd, struct dr_err *err);

/* Makes the directories writable again, so that all can be removed by who is
 * not root; what fails is left. */
void extract_unseal(int dirfd);

#endif
