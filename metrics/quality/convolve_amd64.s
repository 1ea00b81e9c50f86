#include "textflag.h"

// func convolveAVX2(dst, src *float32, n, stride int, weights *[6]float32)
//
// dst[i] = g0·s5[i] + g1·(s4[i]+s6[i]) + … + g5·(s0[i]+s10[i]) for i < n, n a
// multiple of 8, with sk = src + k·stride elements.
TEXT ·convolveAVX2(SB), NOSPLIT, $0-40
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ n+16(FP), CX
	MOVQ stride+24(FP), DX
	MOVQ weights+32(FP), AX
	VBROADCASTSS 0(AX), Y10
	VBROADCASTSS 4(AX), Y11
	VBROADCASTSS 8(AX), Y12
	VBROADCASTSS 12(AX), Y13
	VBROADCASTSS 16(AX), Y14
	VBROADCASTSS 20(AX), Y15
	SHLQ $2, DX              // stride in bytes
	LEAQ (DX)(DX*2), R8      // 3·stride
	LEAQ (SI)(DX*4), R9
	ADDQ DX, R9              // row 5
	LEAQ (R9)(DX*4), R10
	ADDQ DX, R10             // row 10
	SHLQ $2, CX              // bytes
	XORQ BX, BX

	// Pointers advance together; SI is row 0, R9 row 5, R10 row 10.
loop:
	CMPQ BX, CX
	JGE  done
	VMOVUPS (R9), Y0
	VMULPS  Y10, Y0, Y0
	MOVQ    R9, R11
	SUBQ    DX, R11
	VMOVUPS (R11), Y1        // row 4
	VADDPS  (R9)(DX*1), Y1, Y1
	VFMADD231PS Y11, Y1, Y0
	SUBQ    DX, R11
	VMOVUPS (R11), Y2        // row 3
	VADDPS  (R9)(DX*2), Y2, Y2
	VFMADD231PS Y12, Y2, Y0
	VMOVUPS (SI)(DX*2), Y3   // row 2
	VADDPS  (R9)(R8*1), Y3, Y3
	VFMADD231PS Y13, Y3, Y0
	VMOVUPS (SI)(DX*1), Y4   // row 1
	VADDPS  (R9)(DX*4), Y4, Y4
	VFMADD231PS Y14, Y4, Y0
	VMOVUPS (SI), Y5         // row 0
	VADDPS  (R10), Y5, Y5
	VFMADD231PS Y15, Y5, Y0
	VMOVUPS Y0, (DI)(BX*1)
	ADDQ    $32, BX
	ADDQ    $32, SI
	ADDQ    $32, R9
	ADDQ    $32, R10
	JMP     loop

done:
	VZEROUPPER
	RET
