#include "textflag.h"

DATA one<>+0(SB)/4, $0x00010001
GLOBL one<>(SB), RODATA|NOPTR, $4

// func sumsAVX(r0, r1, g0, g1 *uint8, n int, sums, squares *[8]uint32)
//
// n is a multiple of 16.
TEXT ·sumsAVX(SB), NOSPLIT, $0-56
	MOVQ r0+0(FP), R8
	MOVQ r1+8(FP), R9
	MOVQ g0+16(FP), R10
	MOVQ g1+24(FP), R11
	MOVQ n+32(FP), CX
	MOVQ sums+40(FP), DI
	MOVQ squares+48(FP), SI
	VPBROADCASTD one<>(SB), Y15
	VPXOR Y8, Y8, Y8
	VPXOR Y9, Y9, Y9
	XORQ BX, BX

pixels:
	CMPQ BX, CX
	JGE  done
	VPMOVZXBW (R8)(BX*1), Y0
	VPMOVZXBW (R9)(BX*1), Y1
	VPMOVZXBW (R10)(BX*1), Y2
	VPMOVZXBW (R11)(BX*1), Y3
	VPSUBW Y1, Y0, Y0      // r0 − r1
	VPSUBW Y2, Y3, Y3      // g1 − g0
	VPADDW Y0, Y3, Y3
	VPABSW Y3, Y4
	VPMADDWD Y3, Y3, Y3
	VPMADDWD Y15, Y4, Y4
	VPADDD Y4, Y8, Y8
	VPADDD Y3, Y9, Y9
	ADDQ $16, BX
	JMP  pixels

done:
	VMOVDQU Y8, (DI)
	VMOVDQU Y9, (SI)
	VZEROUPPER
	RET
