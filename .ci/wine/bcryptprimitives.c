/* Rust's std takes the seeds of its hash maps from bcryptprimitives.dll, which wine has since 8.9. This stands in for it
   in older ones: .ci/test-windows puts it into its wine prefix. */
#include <windows.h>
#include <ntsecapi.h>

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE bytes, SIZE_T length)
{
    return RtlGenRandom(bytes, (ULONG)length);
}
