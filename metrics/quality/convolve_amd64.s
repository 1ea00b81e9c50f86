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

DATA offset256<>+0(SB)/4, $256
GLOBL offset256<>(SB), RODATA|NOPTR, $4

// func byteMomentsAVX(a, b *uint8, s, d, ss, dd *float32, n int)
//
// n is a multiple of 8.
TEXT ·byteMomentsAVX(SB), NOSPLIT, $0-56
	MOVQ a+0(FP), SI
	MOVQ b+8(FP), DI
	MOVQ s+16(FP), R8
	MOVQ d+24(FP), R9
	MOVQ ss+32(FP), R10
	MOVQ dd+40(FP), R11
	MOVQ n+48(FP), CX
	VPBROADCASTD offset256<>(SB), Y15
	XORQ BX, BX

values:
	CMPQ BX, CX
	JGE  stop
	VPMOVZXBD (SI)(BX*1), Y0
	VPMOVZXBD (DI)(BX*1), Y1
	VPADDD    Y1, Y0, Y2
	VPSUBD    Y1, Y0, Y3
	VPSUBD    Y15, Y2, Y2
	VCVTDQ2PS Y2, Y2
	VCVTDQ2PS Y3, Y3
	VMULPS    Y2, Y2, Y4
	VMULPS    Y3, Y3, Y5
	VMOVUPS   Y2, (R8)(BX*4)
	VMOVUPS   Y3, (R9)(BX*4)
	VMOVUPS   Y4, (R10)(BX*4)
	VMOVUPS   Y5, (R11)(BX*4)
	ADDQ $8, BX
	JMP  values

stop:
	VZEROUPPER
	RET

// func squaresAVX(s, d, ss, dd *float32, n int)
//
// n is a multiple of 8.
TEXT ·squaresAVX(SB), NOSPLIT, $0-40
	MOVQ s+0(FP), R8
	MOVQ d+8(FP), R9
	MOVQ ss+16(FP), R10
	MOVQ dd+24(FP), R11
	MOVQ n+32(FP), CX
	XORQ BX, BX

values:
	CMPQ BX, CX
	JGE  stop
	VMOVUPS (R8)(BX*4), Y2
	VMOVUPS (R9)(BX*4), Y3
	VMULPS  Y2, Y2, Y4
	VMULPS  Y3, Y3, Y5
	VMOVUPS Y4, (R10)(BX*4)
	VMOVUPS Y5, (R11)(BX*4)
	ADDQ $8, BX
	JMP  values

stop:
	VZEROUPPER
	RET

// The constants of SSIM: ½, C1, C2, and 256, which was taken from the sum.
DATA half<>+0(SB)/4, $0.5
GLOBL half<>(SB), RODATA|NOPTR, $4
DATA c1<>+0(SB)/4, $6.5025
GLOBL c1<>(SB), RODATA|NOPTR, $4
DATA c2<>+0(SB)/4, $58.5225
GLOBL c2<>(SB), RODATA|NOPTR, $4
DATA taken<>+0(SB)/4, $256.0
GLOBL taken<>(SB), RODATA|NOPTR, $4

// func termsAVX(s, d, ss, dd *float32, n int)
//
// n is a multiple of 8.
TEXT ·termsAVX(SB), NOSPLIT, $0-40
	MOVQ s+0(FP), R8
	MOVQ d+8(FP), R9
	MOVQ ss+16(FP), R10
	MOVQ dd+24(FP), R11
	MOVQ n+32(FP), CX
	VBROADCASTSS half<>(SB), Y12
	VBROADCASTSS c1<>(SB), Y13
	VBROADCASTSS c2<>(SB), Y14
	VBROADCASTSS taken<>(SB), Y15
	XORQ BX, BX

values:
	CMPQ BX, CX
	JGE  stop
	VMOVUPS (R8)(BX*4), Y0     // u
	VMOVUPS (R9)(BX*4), Y1     // v
	VMULPS  Y0, Y0, Y2
	VMULPS  Y1, Y1, Y3
	VMOVUPS (R10)(BX*4), Y4
	VMOVUPS (R11)(BX*4), Y5
	VSUBPS  Y2, Y4, Y4         // varS
	VSUBPS  Y3, Y5, Y5         // varD
	VADDPS  Y15, Y0, Y0
	VMULPS  Y0, Y0, Y0         // mu
	VSUBPS  Y3, Y0, Y6
	VADDPS  Y3, Y0, Y7
	VSUBPS  Y5, Y4, Y8
	VADDPS  Y5, Y4, Y9
	VFMADD213PS Y13, Y12, Y6   // (mu−nu)/2 + C1
	VFMADD213PS Y13, Y12, Y7
	VFMADD213PS Y14, Y12, Y8
	VFMADD213PS Y14, Y12, Y9
	VDIVPS  Y9, Y8, Y8         // contrast and structure
	VDIVPS  Y7, Y6, Y6
	VMULPS  Y8, Y6, Y6
	VMOVUPS Y6, (R8)(BX*4)
	VMOVUPS Y8, (R9)(BX*4)
	ADDQ $8, BX
	JMP  values

stop:
	VZEROUPPER
	RET

// func addUpAVX(sums *[24]float64, row *float32, n int)
//
// n is a multiple of 24.
TEXT ·addUpAVX(SB), NOSPLIT, $0-24
	MOVQ sums+0(FP), DI
	MOVQ row+8(FP), SI
	MOVQ n+16(FP), CX
	VMOVUPD 0(DI), Y0
	VMOVUPD 32(DI), Y1
	VMOVUPD 64(DI), Y2
	VMOVUPD 96(DI), Y3
	VMOVUPD 128(DI), Y4
	VMOVUPD 160(DI), Y5

values:
	VCVTPS2PD 0(SI), Y6
	VCVTPS2PD 16(SI), Y7
	VCVTPS2PD 32(SI), Y8
	VCVTPS2PD 48(SI), Y9
	VCVTPS2PD 64(SI), Y10
	VCVTPS2PD 80(SI), Y11
	VADDPD Y6, Y0, Y0
	VADDPD Y7, Y1, Y1
	VADDPD Y8, Y2, Y2
	VADDPD Y9, Y3, Y3
	VADDPD Y10, Y4, Y4
	VADDPD Y11, Y5, Y5
	ADDQ $96, SI
	SUBQ $24, CX
	JG   values

	VMOVUPD Y0, 0(DI)
	VMOVUPD Y1, 32(DI)
	VMOVUPD Y2, 64(DI)
	VMOVUPD Y3, 96(DI)
	VMOVUPD Y4, 128(DI)
	VMOVUPD Y5, 160(DI)
	VZEROUPPER
	RET
