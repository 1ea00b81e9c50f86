#include "textflag.h"

// func paeth3AVX2(row, above *uint8, n int)
//
// The filter of func paeth, three channels at once in words: left in X0, above in X1,
// above left in X2. It reads four bytes a pixel.
TEXT ·paeth3AVX2(SB), NOSPLIT, $0-24
	MOVQ row+0(FP), DI
	MOVQ above+8(FP), SI
	MOVQ n+16(FP), CX
	VPXOR X0, X0, X0
	VPXOR X2, X2, X2

pixel:
	VPMOVZXBW (SI), X1
	VPMOVZXBW (DI), X3
	VPSUBW X2, X1, X4
	VPSUBW X2, X0, X5
	VPADDW X5, X4, X6
	VPABSW X4, X4
	VPABSW X5, X5
	VPABSW X6, X6
	VPMINSW X5, X4, X7
	VPMINSW X6, X7, X7
	VPCMPEQW X5, X7, X8
	VPCMPEQW X4, X7, X9
	VPBLENDVB X8, X1, X2, X10
	VPBLENDVB X9, X0, X10, X10
	VPADDB X10, X3, X0
	VPACKUSWB X0, X0, X11
	VPEXTRW $0, X11, (DI)
	VPEXTRB $2, X11, 2(DI)
	VMOVDQA X1, X2
	ADDQ $3, DI
	ADDQ $3, SI
	DECQ CX
	JNZ pixel
	RET
