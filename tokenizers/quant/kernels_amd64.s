#include "textflag.h"

// func withinAVX2(group, x *float32, quads int, bound float32) uint64
//
// Of 64 codewords in eight blocks of eight, a bit each for those that are not farther
// than bound. Squares are added one after the other, as func withinGo does, four
// coordinates at a time; a block none of which is near so far ends there.
TEXT ·withinAVX2(SB), NOSPLIT, $0-40
	MOVQ group+0(FP), SI
	MOVQ x+8(FP), DI
	MOVQ quads+16(FP), R8
	VBROADCASTSS bound+24(FP), Y15
	VBROADCASTSS (DI), Y7
	VBROADCASTSS 4(DI), Y8
	VBROADCASTSS 8(DI), Y9
	VBROADCASTSS 12(DI), Y10
	MOVQ R8, R9
	SHLQ $7, R9 // bytes of a block
	XORQ AX, AX
	XORQ CX, CX

block:
	VSUBPS (SI), Y7, Y0
	VSUBPS 32(SI), Y8, Y1
	VSUBPS 64(SI), Y9, Y2
	VSUBPS 96(SI), Y10, Y3
	VMULPS Y0, Y0, Y0
	VMULPS Y1, Y1, Y1
	VMULPS Y2, Y2, Y2
	VMULPS Y3, Y3, Y3
	VADDPS Y1, Y0, Y0
	VADDPS Y2, Y0, Y0
	VADDPS Y3, Y0, Y0
	VCMPPS $2, Y15, Y0, Y1 // less or equal, and false of what is no number
	VMOVMSKPS Y1, DX
	TESTL DX, DX
	JZ next
	MOVQ SI, R10
	MOVQ DI, R11
	MOVQ R8, R12

quad:
	DECQ R12
	JZ found
	ADDQ $128, R10
	ADDQ $16, R11
	VBROADCASTSS (R11), Y1
	VBROADCASTSS 4(R11), Y2
	VBROADCASTSS 8(R11), Y3
	VBROADCASTSS 12(R11), Y4
	VSUBPS (R10), Y1, Y1
	VSUBPS 32(R10), Y2, Y2
	VSUBPS 64(R10), Y3, Y3
	VSUBPS 96(R10), Y4, Y4
	VMULPS Y1, Y1, Y1
	VMULPS Y2, Y2, Y2
	VMULPS Y3, Y3, Y3
	VMULPS Y4, Y4, Y4
	VADDPS Y1, Y0, Y0
	VADDPS Y2, Y0, Y0
	VADDPS Y3, Y0, Y0
	VADDPS Y4, Y0, Y0
	VCMPPS $2, Y15, Y0, Y1
	VMOVMSKPS Y1, DX
	TESTL DX, DX
	JNZ quad
	JMP next

found:
	SHLQ CX, DX
	ORQ DX, AX

next:
	ADDQ R9, SI
	ADDQ $8, CX
	CMPQ CX, $64
	JLT block
	VZEROUPPER
	MOVQ AX, ret+32(FP)
	RET

// func tileAVX2(dst, a, b *float32, k, lda, ldb, ldc int)
//
// Four rows by eight columns of dst = a·b, where a is 4×k. Every sum runs in the order
// of k, products rounded before they are added, as func multiplyGo does.
TEXT ·tileAVX2(SB), NOSPLIT, $0-56
	MOVQ dst+0(FP), DI
	MOVQ a+8(FP), SI
	MOVQ b+16(FP), BX
	MOVQ k+24(FP), CX
	MOVQ lda+32(FP), R8
	MOVQ ldb+40(FP), R9
	MOVQ ldc+48(FP), R10
	SHLQ $2, R8
	SHLQ $2, R9
	SHLQ $2, R10
	LEAQ (SI)(R8*1), R11
	LEAQ (R11)(R8*1), R12
	LEAQ (R12)(R8*1), R13
	XORQ DX, DX
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3

step:
	VMOVUPS (BX), Y4
	VBROADCASTSS (SI)(DX*4), Y5
	VBROADCASTSS (R11)(DX*4), Y6
	VBROADCASTSS (R12)(DX*4), Y7
	VBROADCASTSS (R13)(DX*4), Y8
	VMULPS Y4, Y5, Y5
	VMULPS Y4, Y6, Y6
	VMULPS Y4, Y7, Y7
	VMULPS Y4, Y8, Y8
	VADDPS Y5, Y0, Y0
	VADDPS Y6, Y1, Y1
	VADDPS Y7, Y2, Y2
	VADDPS Y8, Y3, Y3
	ADDQ R9, BX
	INCQ DX
	CMPQ DX, CX
	JLT step
	VMOVUPS Y0, (DI)
	VMOVUPS Y1, (DI)(R10*1)
	LEAQ (DI)(R10*2), DI
	VMOVUPS Y2, (DI)
	VMOVUPS Y3, (DI)(R10*1)
	VZEROUPPER
	RET
