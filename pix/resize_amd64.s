#include "textflag.h"

// Two pixels of three bytes, each with a fourth byte of 0.
DATA pair<>+0(SB)/8, $0x8005040380020100
DATA pair<>+8(SB)/8, $0x8080808080808080
GLOBL pair<>(SB), RODATA, $16

// The first of two numbers in the lower lane, the second in the upper.
DATA ofpair<>+0(SB)/8, $0
DATA ofpair<>+8(SB)/8, $0
DATA ofpair<>+16(SB)/8, $0x0000000100000001
DATA ofpair<>+24(SB)/8, $0x0000000100000001
GLOBL ofpair<>(SB), RODATA, $32

// Half of the fixed point's unit, once for each channel.
DATA halves<>+0(SB)/8, $0x0020000000200000
DATA halves<>+8(SB)/8, $0x0020000000200000
DATA halves<>+16(SB)/8, $0
DATA halves<>+24(SB)/8, $0
GLOBL halves<>(SB), RODATA, $32

// The order of dwords that undoes two packs within lanes.
DATA unpack<>+0(SB)/8, $0x0000000400000000
DATA unpack<>+8(SB)/8, $0x0000000500000001
DATA unpack<>+16(SB)/8, $0x0000000600000002
DATA unpack<>+24(SB)/8, $0x0000000700000003
GLOBL unpack<>(SB), RODATA, $32

// func horizontalAVX2(dst, src *uint8, n int, first, count *int, coeff *int32, taps int)
//
// n pixels of a row. A vector holds two taps of three channels; it reads two bytes
// beyond them.
TEXT ·horizontalAVX2(SB), NOSPLIT, $0-56
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ n+16(FP), CX
	MOVQ first+24(FP), AX
	MOVQ count+32(FP), BX
	MOVQ coeff+40(FP), R13
	MOVQ taps+48(FP), DX
	SHLQ $2, DX
	VMOVDQU pair<>(SB), X10
	VMOVDQU ofpair<>(SB), Y11
	VMOVDQU halves<>(SB), Y9

pixel:
	MOVQ (AX), R9
	LEAQ (R9)(R9*2), R9
	ADDQ SI, R9
	MOVQ R13, R10
	MOVQ (BX), R11
	VMOVDQA Y9, Y0
	VPXOR Y3, Y3, Y3

four:
	CMPQ R11, $4
	JLT  two
	VMOVQ (R9), X1
	VMOVQ 6(R9), X4
	VPSHUFB X10, X1, X1
	VPSHUFB X10, X4, X4
	VPMOVZXBD X1, Y1
	VPMOVZXBD X4, Y4
	VPBROADCASTQ (R10), Y2
	VPBROADCASTQ 8(R10), Y5
	VPERMILPS Y11, Y2, Y2
	VPERMILPS Y11, Y5, Y5
	VPMULLD Y2, Y1, Y1
	VPMULLD Y5, Y4, Y4
	VPADDD Y1, Y0, Y0
	VPADDD Y4, Y3, Y3
	ADDQ $12, R9
	ADDQ $16, R10
	SUBQ $4, R11
	JMP four

two:
	CMPQ R11, $2
	JLT  one
	VMOVQ (R9), X1
	VPSHUFB X10, X1, X1
	VPMOVZXBD X1, Y1
	VPBROADCASTQ (R10), Y2
	VPERMILPS Y11, Y2, Y2
	VPMULLD Y2, Y1, Y1
	VPADDD Y1, Y0, Y0
	ADDQ $6, R9
	ADDQ $8, R10
	SUBQ $2, R11

one:
	TESTQ R11, R11
	JLE  sum
	VPMOVZXBD (R9), X1
	VPBROADCASTD (R10), X2
	VPMULLD X2, X1, X1
	VPADDD Y1, Y0, Y0

sum:
	VPADDD Y3, Y0, Y0
	VEXTRACTI128 $1, Y0, X1
	VPADDD X1, X0, X0
	VPSRAD $22, X0, X0
	VPACKSSDW X0, X0, X0
	VPACKUSWB X0, X0, X0
	VMOVD X0, R12
	MOVW R12, (DI)
	SHRL $16, R12
	MOVB R12, 2(DI)
	ADDQ $3, DI
	ADDQ $8, AX
	ADDQ $8, BX
	ADDQ DX, R13
	DECQ CX
	JNZ pixel
	VZEROUPPER
	RET

// func verticalAVX2(dst, src *uint8, n, stride int, coeff *int32, taps int)
//
// n bytes of a row, a multiple of 8; the rows of src lie stride bytes apart.
TEXT ·verticalAVX2(SB), NOSPLIT, $0-48
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ n+16(FP), CX
	MOVQ stride+24(FP), DX
	MOVQ coeff+32(FP), AX
	MOVQ taps+40(FP), BX
	VPBROADCASTD halves<>(SB), Y9
	VMOVDQU unpack<>(SB), Y10

wide:
	CMPQ CX, $32
	JLT  narrow
	VMOVDQA Y9, Y0
	VMOVDQA Y9, Y1
	VMOVDQA Y9, Y2
	VMOVDQA Y9, Y3
	MOVQ SI, R9
	MOVQ AX, R10
	MOVQ BX, R11

widetaps:
	VPBROADCASTD (R10), Y8
	VPMOVZXBD 0(R9), Y4
	VPMOVZXBD 8(R9), Y5
	VPMOVZXBD 16(R9), Y6
	VPMOVZXBD 24(R9), Y7
	VPMULLD Y8, Y4, Y4
	VPMULLD Y8, Y5, Y5
	VPMULLD Y8, Y6, Y6
	VPMULLD Y8, Y7, Y7
	VPADDD Y4, Y0, Y0
	VPADDD Y5, Y1, Y1
	VPADDD Y6, Y2, Y2
	VPADDD Y7, Y3, Y3
	ADDQ DX, R9
	ADDQ $4, R10
	DECQ R11
	JNZ widetaps
	VPSRAD $22, Y0, Y0
	VPSRAD $22, Y1, Y1
	VPSRAD $22, Y2, Y2
	VPSRAD $22, Y3, Y3
	VPACKSSDW Y1, Y0, Y0
	VPACKSSDW Y3, Y2, Y2
	VPACKUSWB Y2, Y0, Y0
	VPERMD Y0, Y10, Y0
	VMOVDQU Y0, (DI)
	ADDQ $32, DI
	ADDQ $32, SI
	SUBQ $32, CX
	JMP wide

narrow:
	CMPQ CX, $8
	JLT  done
	VMOVDQA Y9, Y0
	MOVQ SI, R9
	MOVQ AX, R10
	MOVQ BX, R11

narrowtaps:
	VPBROADCASTD (R10), Y8
	VPMOVZXBD (R9), Y4
	VPMULLD Y8, Y4, Y4
	VPADDD Y4, Y0, Y0
	ADDQ DX, R9
	ADDQ $4, R10
	DECQ R11
	JNZ narrowtaps
	VPSRAD $22, Y0, Y0
	VPACKSSDW Y0, Y0, Y0
	VPACKUSWB Y0, Y0, Y0
	VEXTRACTI128 $1, Y0, X1
	VPUNPCKLDQ X1, X0, X0
	VMOVQ X0, (DI)
	ADDQ $8, DI
	ADDQ $8, SI
	SUBQ $8, CX
	JMP narrow

done:
	VZEROUPPER
	RET
