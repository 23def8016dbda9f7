# DESKRUN_REQUIRE(PREFIX, MODULE-SPEC, DEBIAN-PACKAGE)
# Like PKG_CHECK_MODULES, but collects what is missing for one report.
AC_DEFUN([DESKRUN_REQUIRE], [
  PKG_CHECK_MODULES([$1], [$2], [],
    [deskrun_missing="$deskrun_missing
  $2: apt-get install $3"])
])

# DESKRUN_REQUIRE_REPORT: ends configure when something was missing.
AC_DEFUN([DESKRUN_REQUIRE_REPORT], [
  AS_IF([test -n "$deskrun_missing"],
    [AC_MSG_ERROR([these libraries are missing:$deskrun_missing])])
])

AC_DEFUN([DESKRUN_TRY_FLAG], [
  AS_VAR_PUSHDEF([cache], [deskrun_cv_flag_$1_$2])
  AC_CACHE_CHECK([whether $CC accepts $2], [cache], [
    deskrun_saved=$$1
    $1="$$1 -Werror $2"
    AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <stdio.h>]], [[puts("")]])],
      [AS_VAR_SET([cache], [yes])], [AS_VAR_SET([cache], [no])])
    $1=$deskrun_saved
  ])
  AS_VAR_IF([cache], [yes], [$3="$$3 $2"])
  AS_VAR_POPDEF([cache])
])

# The OpenSSF Compiler Options Hardening Guide's set, as far as the compiler
# knows it. https://best.openssf.org/Compiler-Hardening-Guides/
AC_DEFUN([DESKRUN_COMPILER_FLAGS], [
  WARN_CFLAGS=
  HARDEN_CFLAGS=
  HARDEN_LDFLAGS=
  m4_foreach_w([flag],
    [-Wall -Wextra -Wformat=2 -Wformat-security -Wimplicit-fallthrough
     -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition
     -Wpointer-arith -Wwrite-strings -Wvla -Wundef -Wtrampolines
     -Werror=implicit-function-declaration -Werror=incompatible-pointer-types
     -Werror=int-conversion],
    [DESKRUN_TRY_FLAG([CFLAGS], flag, [WARN_CFLAGS])])
  AS_IF([test "x$enable_werror" = xyes], [WARN_CFLAGS="$WARN_CFLAGS -Werror"])
  AS_IF([test "x$enable_sanitizers" = xyes], [
    HARDEN_CFLAGS="-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer"
    HARDEN_LDFLAGS="-fsanitize=address,undefined"
  ], [
    m4_foreach_w([flag],
      [-fstack-protector-strong -fstack-clash-protection -fcf-protection=full
       -fno-delete-null-pointer-checks -fno-strict-overflow
       -fno-strict-aliasing -ftrivial-auto-var-init=zero],
      [DESKRUN_TRY_FLAG([CFLAGS], flag, [HARDEN_CFLAGS])])
    AS_CASE(["$CFLAGS"], [*-O0*], [],
      [HARDEN_CFLAGS="$HARDEN_CFLAGS -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3"])
    m4_foreach_w([flag],
      [-Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,-z,nodlopen
       -Wl,--as-needed -Wl,--gc-sections],
      [DESKRUN_TRY_FLAG([LDFLAGS], flag, [HARDEN_LDFLAGS])])
  ])
  HARDEN_CFLAGS="$HARDEN_CFLAGS -ffunction-sections -fdata-sections"
  AC_SUBST([WARN_CFLAGS])
  AC_SUBST([HARDEN_CFLAGS])
  AC_SUBST([HARDEN_LDFLAGS])
])
