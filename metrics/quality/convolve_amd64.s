#include "textflag.h"

// CONVOLVE is the body of a symmetric filter with taps t[0..radius], of 4-byte or
// 8-byte floats:
//
//	dst[i] = t0·c[i] + Σ_{k=1..radius} t[k]·(c[i−k·stride] + c[i+k·stride])
//
// for i < n, n a multiple of a vector, c = src + radius·stride elements. Four
// vectors are worked on at once, so that a tap is loaded once for all of them.
//
// DI dst, R8 centre, CX bytes left, DX stride in bytes, AX taps, BX radius;
// R9 and R10 walk away from the centre, R12 along the taps, R11 counts.
#define CONVOLVE(SHIFT, SIZE, BCAST, LOAD, MUL, ADD, FMA) \
	MOVQ dst+0(FP), DI    \
	MOVQ src+8(FP), R8    \
	MOVQ n+16(FP), CX     \
	MOVQ stride+24(FP), DX \
	MOVQ taps+32(FP), AX  \
	MOVQ radius+40(FP), BX \
	SHLQ SHIFT, CX        \
	SHLQ SHIFT, DX        \
	MOVQ BX, R9           \
	IMULQ DX, R9          \
	ADDQ R9, R8           \
	BCAST (AX), Y9        \
four:                     \
	CMPQ CX, $128         \
	JLT  one              \
	MUL  0(R8), Y9, Y0    \
	MUL  32(R8), Y9, Y1   \
	MUL  64(R8), Y9, Y2   \
	MUL  96(R8), Y9, Y3   \
	MOVQ R8, R9           \
	MOVQ R8, R10          \
	MOVQ AX, R12          \
	MOVQ BX, R11          \
fourtaps:                 \
	SUBQ DX, R9           \
	ADDQ DX, R10          \
	ADDQ SIZE, R12        \
	BCAST (R12), Y8       \
	LOAD 0(R9), Y4        \
	LOAD 32(R9), Y5       \
	LOAD 64(R9), Y6       \
	LOAD 96(R9), Y7       \
	ADD  0(R10), Y4, Y4   \
	ADD  32(R10), Y5, Y5  \
	ADD  64(R10), Y6, Y6  \
	ADD  96(R10), Y7, Y7  \
	FMA  Y8, Y4, Y0       \
	FMA  Y8, Y5, Y1       \
	FMA  Y8, Y6, Y2       \
	FMA  Y8, Y7, Y3       \
	DECQ R11              \
	JNZ  fourtaps         \
	LOAD Y0, 0(DI)        \
	LOAD Y1, 32(DI)       \
	LOAD Y2, 64(DI)       \
	LOAD Y3, 96(DI)       \
	ADDQ $128, DI         \
	ADDQ $128, R8         \
	SUBQ $128, CX         \
	JMP  four             \
one:                      \
	TESTQ CX, CX          \
	JLE  done             \
	MUL  0(R8), Y9, Y0    \
	MOVQ R8, R9           \
	MOVQ R8, R10          \
	MOVQ AX, R12          \
	MOVQ BX, R11          \
onetaps:                  \
	SUBQ DX, R9           \
	ADDQ DX, R10          \
	ADDQ SIZE, R12        \
	BCAST (R12), Y8       \
	LOAD 0(R9), Y4        \
	ADD  0(R10), Y4, Y4   \
	FMA  Y8, Y4, Y0       \
	DECQ R11              \
	JNZ  onetaps          \
	LOAD Y0, 0(DI)        \
	ADDQ $32, DI          \
	ADDQ $32, R8          \
	SUBQ $32, CX          \
	JMP  one              \
done:                     \
	VZEROUPPER            \
	RET

// func convolveAVX32(dst, src *float32, n, stride int, taps *float32, radius int)
TEXT ·convolveAVX32(SB), NOSPLIT, $0-48
	CONVOLVE($2, $4, VBROADCASTSS, VMOVUPS, VMULPS, VADDPS, VFMADD231PS)

// func convolveAVX64(dst, src *float64, n, stride int, taps *float64, radius int)
TEXT ·convolveAVX64(SB), NOSPLIT, $0-48
	CONVOLVE($3, $8, VBROADCASTSD, VMOVUPD, VMULPD, VADDPD, VFMADD231PD)

// func diffSumsAVX(a, b *uint8, n int, squares *[8]uint32, sums *[4]uint64)
//
// n is a multiple of 32. A lane of squares takes 4·255² every 32 bytes, so that n
// may be up to 2¹⁹ before it overflows.
TEXT ·diffSumsAVX(SB), NOSPLIT, $0-40
	MOVQ a+0(FP), SI
	MOVQ b+8(FP), DI
	MOVQ n+16(FP), CX
	MOVQ squares+24(FP), R8
	MOVQ sums+32(FP), R9
	VPXOR Y13, Y13, Y13 // zero
	VPXOR Y14, Y14, Y14 // squares
	VPXOR Y15, Y15, Y15 // sums
	XORQ BX, BX

bytes:
	CMPQ BX, CX
	JGE  store
	VMOVDQU (SI)(BX*1), Y0
	VMOVDQU (DI)(BX*1), Y1
	VPSADBW Y1, Y0, Y2
	VPADDQ  Y2, Y15, Y15
	VPSUBUSB Y1, Y0, Y3
	VPSUBUSB Y0, Y1, Y4
	VPOR    Y3, Y4, Y3        // |a−b|
	VPUNPCKLBW Y13, Y3, Y5
	VPUNPCKHBW Y13, Y3, Y6
	VPMADDWD Y5, Y5, Y5
	VPMADDWD Y6, Y6, Y6
	VPADDD  Y5, Y14, Y14
	VPADDD  Y6, Y14, Y14
	ADDQ $32, BX
	JMP  bytes

store:
	VMOVDQU Y14, (R8)
	VMOVDQU Y15, (R9)
	VZEROUPPER
	RET
