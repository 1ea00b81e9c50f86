#include "textflag.h"

// The constants of kernels.go, once a lane; those that are subtracted are negative.
DATA c0298<>+0(SB)/8, $0x0000098e0000098e
DATA c0298<>+8(SB)/8, $0x0000098e0000098e
DATA c0298<>+16(SB)/8, $0x0000098e0000098e
DATA c0298<>+24(SB)/8, $0x0000098e0000098e
GLOBL c0298<>(SB), RODATA|NOPTR, $32

DATA c0541<>+0(SB)/8, $0x0000115100001151
DATA c0541<>+8(SB)/8, $0x0000115100001151
DATA c0541<>+16(SB)/8, $0x0000115100001151
DATA c0541<>+24(SB)/8, $0x0000115100001151
GLOBL c0541<>(SB), RODATA|NOPTR, $32

DATA c0765<>+0(SB)/8, $0x0000187e0000187e
DATA c0765<>+8(SB)/8, $0x0000187e0000187e
DATA c0765<>+16(SB)/8, $0x0000187e0000187e
DATA c0765<>+24(SB)/8, $0x0000187e0000187e
GLOBL c0765<>(SB), RODATA|NOPTR, $32

DATA c1175<>+0(SB)/8, $0x000025a1000025a1
DATA c1175<>+8(SB)/8, $0x000025a1000025a1
DATA c1175<>+16(SB)/8, $0x000025a1000025a1
DATA c1175<>+24(SB)/8, $0x000025a1000025a1
GLOBL c1175<>(SB), RODATA|NOPTR, $32

DATA c1501<>+0(SB)/8, $0x0000300b0000300b
DATA c1501<>+8(SB)/8, $0x0000300b0000300b
DATA c1501<>+16(SB)/8, $0x0000300b0000300b
DATA c1501<>+24(SB)/8, $0x0000300b0000300b
GLOBL c1501<>(SB), RODATA|NOPTR, $32

DATA c1847<>+0(SB)/8, $0x00003b2100003b21
DATA c1847<>+8(SB)/8, $0x00003b2100003b21
DATA c1847<>+16(SB)/8, $0x00003b2100003b21
DATA c1847<>+24(SB)/8, $0x00003b2100003b21
GLOBL c1847<>(SB), RODATA|NOPTR, $32

DATA c2053<>+0(SB)/8, $0x000041b3000041b3
DATA c2053<>+8(SB)/8, $0x000041b3000041b3
DATA c2053<>+16(SB)/8, $0x000041b3000041b3
DATA c2053<>+24(SB)/8, $0x000041b3000041b3
GLOBL c2053<>(SB), RODATA|NOPTR, $32

DATA c3072<>+0(SB)/8, $0x0000625400006254
DATA c3072<>+8(SB)/8, $0x0000625400006254
DATA c3072<>+16(SB)/8, $0x0000625400006254
DATA c3072<>+24(SB)/8, $0x0000625400006254
GLOBL c3072<>(SB), RODATA|NOPTR, $32

DATA n0390<>+0(SB)/8, $0xfffff384fffff384
DATA n0390<>+8(SB)/8, $0xfffff384fffff384
DATA n0390<>+16(SB)/8, $0xfffff384fffff384
DATA n0390<>+24(SB)/8, $0xfffff384fffff384
GLOBL n0390<>(SB), RODATA|NOPTR, $32

DATA n0899<>+0(SB)/8, $0xffffe333ffffe333
DATA n0899<>+8(SB)/8, $0xffffe333ffffe333
DATA n0899<>+16(SB)/8, $0xffffe333ffffe333
DATA n0899<>+24(SB)/8, $0xffffe333ffffe333
GLOBL n0899<>(SB), RODATA|NOPTR, $32

DATA n1961<>+0(SB)/8, $0xffffc13bffffc13b
DATA n1961<>+8(SB)/8, $0xffffc13bffffc13b
DATA n1961<>+16(SB)/8, $0xffffc13bffffc13b
DATA n1961<>+24(SB)/8, $0xffffc13bffffc13b
GLOBL n1961<>(SB), RODATA|NOPTR, $32

DATA n2562<>+0(SB)/8, $0xffffadfdffffadfd
DATA n2562<>+8(SB)/8, $0xffffadfdffffadfd
DATA n2562<>+16(SB)/8, $0xffffadfdffffadfd
DATA n2562<>+24(SB)/8, $0xffffadfdffffadfd
GLOBL n2562<>(SB), RODATA|NOPTR, $32

// 128 less for eight samples, with two bits of fraction
DATA centre<>+0(SB)/8, $0x0000100000001000
DATA centre<>+8(SB)/8, $0x0000100000001000
DATA centre<>+16(SB)/8, $0x0000100000001000
DATA centre<>+24(SB)/8, $0x0000100000001000
GLOBL centre<>(SB), RODATA|NOPTR, $32

// what rounds a shift by 2, 11, 15; and by 18, with 128 added
DATA round2<>+0(SB)/8, $0x0000000200000002
DATA round2<>+8(SB)/8, $0x0000000200000002
DATA round2<>+16(SB)/8, $0x0000000200000002
DATA round2<>+24(SB)/8, $0x0000000200000002
GLOBL round2<>(SB), RODATA|NOPTR, $32

DATA round11<>+0(SB)/8, $0x0000040000000400
DATA round11<>+8(SB)/8, $0x0000040000000400
DATA round11<>+16(SB)/8, $0x0000040000000400
DATA round11<>+24(SB)/8, $0x0000040000000400
GLOBL round11<>(SB), RODATA|NOPTR, $32

DATA round15<>+0(SB)/8, $0x0000400000004000
DATA round15<>+8(SB)/8, $0x0000400000004000
DATA round15<>+16(SB)/8, $0x0000400000004000
DATA round15<>+24(SB)/8, $0x0000400000004000
GLOBL round15<>(SB), RODATA|NOPTR, $32

DATA round18<>+0(SB)/8, $0x0202000002020000
DATA round18<>+8(SB)/8, $0x0202000002020000
DATA round18<>+16(SB)/8, $0x0202000002020000
DATA round18<>+24(SB)/8, $0x0202000002020000
GLOBL round18<>(SB), RODATA|NOPTR, $32

DATA halfs<>+0(SB)/8, $0x3f0000003f000000
DATA halfs<>+8(SB)/8, $0x3f0000003f000000
DATA halfs<>+16(SB)/8, $0x3f0000003f000000
DATA halfs<>+24(SB)/8, $0x3f0000003f000000
GLOBL halfs<>(SB), RODATA|NOPTR, $32

// all lanes but the first
DATA notDC<>+0(SB)/8, $0xffffffff00000000
DATA notDC<>+8(SB)/8, $0xffffffffffffffff
DATA notDC<>+16(SB)/8, $0xffffffffffffffff
DATA notDC<>+24(SB)/8, $0xffffffffffffffff
GLOBL notDC<>(SB), RODATA|NOPTR, $32

// byte j of each group of four, as 32 bits
DATA column0<>+0(SB)/8, $0x8080800480808000
DATA column0<>+8(SB)/8, $0x8080800c80808008
DATA column0<>+16(SB)/8, $0x8080800480808000
DATA column0<>+24(SB)/8, $0x8080800c80808008
GLOBL column0<>(SB), RODATA|NOPTR, $32

DATA column1<>+0(SB)/8, $0x8080800580808001
DATA column1<>+8(SB)/8, $0x8080800d80808009
DATA column1<>+16(SB)/8, $0x8080800580808001
DATA column1<>+24(SB)/8, $0x8080800d80808009
GLOBL column1<>(SB), RODATA|NOPTR, $32

DATA column2<>+0(SB)/8, $0x8080800680808002
DATA column2<>+8(SB)/8, $0x8080800e8080800a
DATA column2<>+16(SB)/8, $0x8080800680808002
DATA column2<>+24(SB)/8, $0x8080800e8080800a
GLOBL column2<>(SB), RODATA|NOPTR, $32

DATA column3<>+0(SB)/8, $0x8080800780808003
DATA column3<>+8(SB)/8, $0x8080800f8080800b
DATA column3<>+16(SB)/8, $0x8080800780808003
DATA column3<>+24(SB)/8, $0x8080800f8080800b
GLOBL column3<>(SB), RODATA|NOPTR, $32

// a 4×4 matrix of bytes, transposed
DATA turn4<>+0(SB)/8, $0x0d0905010c080400
DATA turn4<>+8(SB)/8, $0x0f0b07030e0a0602
DATA turn4<>+16(SB)/8, $0x0d0905010c080400
DATA turn4<>+24(SB)/8, $0x0f0b07030e0a0602
GLOBL turn4<>(SB), RODATA|NOPTR, $32

// 12 bytes for each half, of 24
DATA by3<>+0(SB)/8, $0x0000000100000000
DATA by3<>+8(SB)/8, $0x0000000700000002
DATA by3<>+16(SB)/8, $0x0000000400000003
DATA by3<>+24(SB)/8, $0x0000000700000005
GLOBL by3<>(SB), RODATA|NOPTR, $32

// pairs of 16 bits: red and green, blue and green
DATA redGreen<>+0(SB)/8, $0x8004800380018000
DATA redGreen<>+8(SB)/8, $0x800a800980078006
DATA redGreen<>+16(SB)/8, $0x8004800380018000
DATA redGreen<>+24(SB)/8, $0x800a800980078006
GLOBL redGreen<>(SB), RODATA|NOPTR, $32

DATA blueGreen<>+0(SB)/8, $0x8004800580018002
DATA blueGreen<>+8(SB)/8, $0x800a800b80078008
DATA blueGreen<>+16(SB)/8, $0x8004800580018002
DATA blueGreen<>+24(SB)/8, $0x800a800b80078008
GLOBL blueGreen<>(SB), RODATA|NOPTR, $32

// green's 38470 is more than 15 bits: in two parts
DATA lumaRG<>+0(SB)/8, $0x56464c8b56464c8b
DATA lumaRG<>+8(SB)/8, $0x56464c8b56464c8b
DATA lumaRG<>+16(SB)/8, $0x56464c8b56464c8b
DATA lumaRG<>+24(SB)/8, $0x56464c8b56464c8b
GLOBL lumaRG<>(SB), RODATA|NOPTR, $32

DATA lumaBG<>+0(SB)/8, $0x40001d2f40001d2f
DATA lumaBG<>+8(SB)/8, $0x40001d2f40001d2f
DATA lumaBG<>+16(SB)/8, $0x40001d2f40001d2f
DATA lumaBG<>+24(SB)/8, $0x40001d2f40001d2f
GLOBL lumaBG<>(SB), RODATA|NOPTR, $32

DATA cbRG<>+0(SB)/8, $0xab33d4cdab33d4cd
DATA cbRG<>+8(SB)/8, $0xab33d4cdab33d4cd
DATA cbRG<>+16(SB)/8, $0xab33d4cdab33d4cd
DATA cbRG<>+24(SB)/8, $0xab33d4cdab33d4cd
GLOBL cbRG<>(SB), RODATA|NOPTR, $32

DATA crBG<>+0(SB)/8, $0x94d1eb2f94d1eb2f
DATA crBG<>+8(SB)/8, $0x94d1eb2f94d1eb2f
DATA crBG<>+16(SB)/8, $0x94d1eb2f94d1eb2f
DATA crBG<>+24(SB)/8, $0x94d1eb2f94d1eb2f
GLOBL crBG<>(SB), RODATA|NOPTR, $32

DATA round16<>+0(SB)/8, $0x0000800000008000
DATA round16<>+8(SB)/8, $0x0000800000008000
DATA round16<>+16(SB)/8, $0x0000800000008000
DATA round16<>+24(SB)/8, $0x0000800000008000
GLOBL round16<>(SB), RODATA|NOPTR, $32

DATA round16c<>+0(SB)/8, $0x00807fff00807fff
DATA round16c<>+8(SB)/8, $0x00807fff00807fff
DATA round16c<>+16(SB)/8, $0x00807fff00807fff
DATA round16c<>+24(SB)/8, $0x00807fff00807fff
GLOBL round16c<>(SB), RODATA|NOPTR, $32

// quarters of both halves beside each other
DATA gather<>+0(SB)/8, $0x0000000400000000
DATA gather<>+8(SB)/8, $0x0000000500000001
DATA gather<>+16(SB)/8, $0x0000000600000002
DATA gather<>+24(SB)/8, $0x0000000700000003
GLOBL gather<>(SB), RODATA|NOPTR, $32

DATA centre8<>+0(SB)/8, $0x0000008000000080
DATA centre8<>+8(SB)/8, $0x0000008000000080
DATA centre8<>+16(SB)/8, $0x0000008000000080
DATA centre8<>+24(SB)/8, $0x0000008000000080
GLOBL centre8<>(SB), RODATA|NOPTR, $32

DATA crToR<>+0(SB)/8, $0x000166e9000166e9
DATA crToR<>+8(SB)/8, $0x000166e9000166e9
DATA crToR<>+16(SB)/8, $0x000166e9000166e9
DATA crToR<>+24(SB)/8, $0x000166e9000166e9
GLOBL crToR<>(SB), RODATA|NOPTR, $32

DATA cbToG<>+0(SB)/8, $0xffffa7e6ffffa7e6
DATA cbToG<>+8(SB)/8, $0xffffa7e6ffffa7e6
DATA cbToG<>+16(SB)/8, $0xffffa7e6ffffa7e6
DATA cbToG<>+24(SB)/8, $0xffffa7e6ffffa7e6
GLOBL cbToG<>(SB), RODATA|NOPTR, $32

DATA crToG<>+0(SB)/8, $0xffff492effff492e
DATA crToG<>+8(SB)/8, $0xffff492effff492e
DATA crToG<>+16(SB)/8, $0xffff492effff492e
DATA crToG<>+24(SB)/8, $0xffff492effff492e
GLOBL crToG<>(SB), RODATA|NOPTR, $32

DATA cbToB<>+0(SB)/8, $0x0001c5a20001c5a2
DATA cbToB<>+8(SB)/8, $0x0001c5a20001c5a2
DATA cbToB<>+16(SB)/8, $0x0001c5a20001c5a2
DATA cbToB<>+24(SB)/8, $0x0001c5a20001c5a2
GLOBL cbToB<>(SB), RODATA|NOPTR, $32

// four pixels from four reds, greens, blues
DATA interleave<>+0(SB)/8, $0x0602090501080400
DATA interleave<>+8(SB)/8, $0x808080800b07030a
DATA interleave<>+16(SB)/8, $0x0602090501080400
DATA interleave<>+24(SB)/8, $0x808080800b07030a
GLOBL interleave<>(SB), RODATA|NOPTR, $32

DATA ones8<>+0(SB)/8, $0x0101010101010101
DATA ones8<>+8(SB)/8, $0x0101010101010101
DATA ones8<>+16(SB)/8, $0x0101010101010101
DATA ones8<>+24(SB)/8, $0x0101010101010101
GLOBL ones8<>(SB), RODATA|NOPTR, $32

DATA bias<>+0(SB)/8, $0x0002000100020001
DATA bias<>+8(SB)/8, $0x0002000100020001
DATA bias<>+16(SB)/8, $0x0002000100020001
DATA bias<>+24(SB)/8, $0x0002000100020001
GLOBL bias<>(SB), RODATA|NOPTR, $32

DATA eight<>+0(SB)/8, $0x0008000800080008
DATA eight<>+8(SB)/8, $0x0008000800080008
DATA eight<>+16(SB)/8, $0x0008000800080008
DATA eight<>+24(SB)/8, $0x0008000800080008
GLOBL eight<>(SB), RODATA|NOPTR, $32

DATA seven<>+0(SB)/8, $0x0007000700070007
DATA seven<>+8(SB)/8, $0x0007000700070007
DATA seven<>+16(SB)/8, $0x0007000700070007
DATA seven<>+24(SB)/8, $0x0007000700070007
GLOBL seven<>(SB), RODATA|NOPTR, $32

DATA one<>+0(SB)/8, $0x0001000100010001
DATA one<>+8(SB)/8, $0x0001000100010001
DATA one<>+16(SB)/8, $0x0001000100010001
DATA one<>+24(SB)/8, $0x0001000100010001
GLOBL one<>(SB), RODATA|NOPTR, $32

// forwardHalf does what both passes of the forward DCT share: Y0…Y7 in; sums for
// outputs 0 and 4 in Y0 and Y4, outputs 2 and 6 before rounding in Y2 and Y6, and
// 7, 5, 3, 1 in Y12…Y15.
#define forwardHalf \
	VPADDD Y7, Y0, Y8             \
	VPSUBD Y7, Y0, Y15            \
	VPADDD Y6, Y1, Y9             \
	VPSUBD Y6, Y1, Y14            \
	VPADDD Y5, Y2, Y10            \
	VPSUBD Y5, Y2, Y13            \
	VPADDD Y4, Y3, Y11            \
	VPSUBD Y4, Y3, Y12            \
	VPADDD Y11, Y8, Y0            \
	VPSUBD Y11, Y8, Y3            \
	VPADDD Y10, Y9, Y1            \
	VPSUBD Y10, Y9, Y2            \
	VPSUBD Y1, Y0, Y4             \
	VPADDD Y1, Y0, Y0             \
	VPADDD Y3, Y2, Y5             \
	VPMULLD c0541<>(SB), Y5, Y5   \
	VPMULLD c0765<>(SB), Y3, Y3   \
	VPMULLD c1847<>(SB), Y2, Y2   \
	VPSUBD Y2, Y5, Y6             \
	VPADDD Y3, Y5, Y2             \
	odd(Y12, Y13, Y14, Y15, Y1, Y3, Y5, Y7, Y8)

// odd is func odd of kernels.go, in place; the last five are scratch.
#define odd(A, B, C, D, Z1, Z2, Z3, Z4, Z5) \
	VPADDD D, A, Z1               \
	VPADDD C, B, Z2               \
	VPADDD C, A, Z3               \
	VPADDD D, B, Z4               \
	VPADDD Z4, Z3, Z5             \
	VPMULLD c1175<>(SB), Z5, Z5   \
	VPMULLD n0899<>(SB), Z1, Z1   \
	VPMULLD n2562<>(SB), Z2, Z2   \
	VPMULLD n1961<>(SB), Z3, Z3   \
	VPMULLD n0390<>(SB), Z4, Z4   \
	VPADDD Z5, Z3, Z3             \
	VPADDD Z5, Z4, Z4             \
	VPMULLD c0298<>(SB), A, A     \
	VPMULLD c2053<>(SB), B, B     \
	VPMULLD c3072<>(SB), C, C     \
	VPMULLD c1501<>(SB), D, D     \
	VPADDD Z1, A, A               \
	VPADDD Z3, A, A               \
	VPADDD Z2, B, B               \
	VPADDD Z4, B, B               \
	VPADDD Z2, C, C               \
	VPADDD Z3, C, C               \
	VPADDD Z1, D, D               \
	VPADDD Z4, D, D

// forwardRound rounds six outputs of a pass and puts them in their places.
#define forwardRound(ROUND, SHIFT) \
	VPADDD ROUND, Y2, Y2          \
	VPSRAD SHIFT, Y2, Y2          \
	VPADDD ROUND, Y6, Y6          \
	VPSRAD SHIFT, Y6, Y6          \
	VPADDD ROUND, Y12, Y7         \
	VPSRAD SHIFT, Y7, Y7          \
	VPADDD ROUND, Y13, Y5         \
	VPSRAD SHIFT, Y5, Y5          \
	VPADDD ROUND, Y14, Y3         \
	VPSRAD SHIFT, Y3, Y3          \
	VPADDD ROUND, Y15, Y1         \
	VPSRAD SHIFT, Y1, Y1

// inverse is func inverse of kernels.go on Y0…Y7.
#define inverse(ROUND, SHIFT) \
	VPADDD Y6, Y2, Y8             \
	VPMULLD c0541<>(SB), Y8, Y8   \
	VPMULLD c1847<>(SB), Y6, Y9   \
	VPMULLD c0765<>(SB), Y2, Y10  \
	VPSUBD Y9, Y8, Y9             \
	VPADDD Y10, Y8, Y10           \
	VPADDD Y4, Y0, Y8             \
	VPSUBD Y4, Y0, Y0             \
	VPSLLD $13, Y8, Y8            \
	VPSLLD $13, Y0, Y0            \
	VPADDD ROUND, Y8, Y8          \
	VPADDD ROUND, Y0, Y0          \
	VPADDD Y10, Y8, Y2            \
	VPSUBD Y10, Y8, Y4            \
	VPADDD Y9, Y0, Y6             \
	VPSUBD Y9, Y0, Y0             \
	odd(Y7, Y5, Y3, Y1, Y8, Y9, Y10, Y11, Y12) \
	VPADDD Y1, Y2, Y8             \
	VPSUBD Y1, Y2, Y15            \
	VPADDD Y3, Y6, Y9             \
	VPSUBD Y3, Y6, Y14            \
	VPADDD Y5, Y0, Y10            \
	VPSUBD Y5, Y0, Y13            \
	VPADDD Y7, Y4, Y11            \
	VPSUBD Y7, Y4, Y12            \
	VPSRAD SHIFT, Y8, Y0          \
	VPSRAD SHIFT, Y9, Y1          \
	VPSRAD SHIFT, Y10, Y2         \
	VPSRAD SHIFT, Y11, Y3         \
	VPSRAD SHIFT, Y12, Y4         \
	VPSRAD SHIFT, Y13, Y5         \
	VPSRAD SHIFT, Y14, Y6         \
	VPSRAD SHIFT, Y15, Y7

// transpose turns the 8×8 matrix in Y0…Y7.
#define transpose \
	VPUNPCKLDQ Y1, Y0, Y8         \
	VPUNPCKHDQ Y1, Y0, Y9         \
	VPUNPCKLDQ Y3, Y2, Y10        \
	VPUNPCKHDQ Y3, Y2, Y11        \
	VPUNPCKLDQ Y5, Y4, Y12        \
	VPUNPCKHDQ Y5, Y4, Y13        \
	VPUNPCKLDQ Y7, Y6, Y14        \
	VPUNPCKHDQ Y7, Y6, Y15        \
	VPUNPCKLQDQ Y10, Y8, Y0       \
	VPUNPCKHQDQ Y10, Y8, Y1       \
	VPUNPCKLQDQ Y11, Y9, Y2       \
	VPUNPCKHQDQ Y11, Y9, Y3       \
	VPUNPCKLQDQ Y14, Y12, Y4      \
	VPUNPCKHQDQ Y14, Y12, Y5      \
	VPUNPCKLQDQ Y15, Y13, Y6      \
	VPUNPCKHQDQ Y15, Y13, Y7      \
	VPERM2I128 $0x20, Y4, Y0, Y8  \
	VPERM2I128 $0x31, Y4, Y0, Y4  \
	VPERM2I128 $0x20, Y5, Y1, Y9  \
	VPERM2I128 $0x31, Y5, Y1, Y5  \
	VPERM2I128 $0x20, Y6, Y2, Y10 \
	VPERM2I128 $0x31, Y6, Y2, Y6  \
	VPERM2I128 $0x20, Y7, Y3, Y11 \
	VPERM2I128 $0x31, Y7, Y3, Y7  \
	VMOVDQA Y8, Y0                \
	VMOVDQA Y9, Y1                \
	VMOVDQA Y10, Y2               \
	VMOVDQA Y11, Y3

// quantise divides a row of coefficients by its steps, to nearest, and multiplies
// back. Y14 holds halves. Adding a half before multiplying by the
// reciprocal keeps whole quotients whole: they are below 2^11, and the product is
// good to 2^-23 of itself.
#define quantise(ROW, AT) \
	VPABSD ROW, Y8                \
	VPADDD 256+AT(DX), Y8, Y8     \
	VCVTDQ2PS Y8, Y8              \
	VADDPS Y14, Y8, Y8            \
	VMULPS 512+AT(DX), Y8, Y8     \
	VCVTTPS2DQ Y8, Y8             \
	VPSIGND ROW, Y8, Y8           \
	VPMULLD 0+AT(DX), Y8, ROW

// func roundTripAVX2(v *uint8, stride, blocks int, q *quantTable)
TEXT ·roundTripAVX2(SB), NOSPLIT, $0-32
	MOVQ v+0(FP), DI
	MOVQ stride+8(FP), SI
	MOVQ blocks+16(FP), CX
	MOVQ q+24(FP), DX
	LEAQ (SI)(SI*2), R9

block:
	LEAQ (DI)(SI*4), R10

	// Columns in registers, rows in lanes.
	VMOVQ (DI), X0
	VPINSRQ $1, (DI)(SI*1), X0, X0
	VMOVQ (DI)(SI*2), X1
	VPINSRQ $1, (DI)(R9*1), X1, X1
	VMOVQ (R10), X2
	VPINSRQ $1, (R10)(SI*1), X2, X2
	VMOVQ (R10)(SI*2), X3
	VPINSRQ $1, (R10)(R9*1), X3, X3
	VINSERTI128 $1, X2, Y0, Y0
	VINSERTI128 $1, X3, Y1, Y1
	VSHUFPS $0x88, Y1, Y0, Y8
	VSHUFPS $0xDD, Y1, Y0, Y9
	VPSHUFB column0<>(SB), Y8, Y0
	VPSHUFB column1<>(SB), Y8, Y1
	VPSHUFB column2<>(SB), Y8, Y2
	VPSHUFB column3<>(SB), Y8, Y3
	VPSHUFB column0<>(SB), Y9, Y4
	VPSHUFB column1<>(SB), Y9, Y5
	VPSHUFB column2<>(SB), Y9, Y6
	VPSHUFB column3<>(SB), Y9, Y7

	forwardHalf
	VPSLLD $2, Y0, Y0
	VPSLLD $2, Y4, Y4
	VPSUBD centre<>(SB), Y0, Y0
	VMOVDQU round11<>(SB), Y11
	forwardRound(Y11, $11)
	transpose
	forwardHalf
	VMOVDQU round2<>(SB), Y10
	VPADDD Y10, Y0, Y0
	VPADDD Y10, Y4, Y4
	VPSRAD $2, Y0, Y0
	VPSRAD $2, Y4, Y4
	VMOVDQU round15<>(SB), Y11
	forwardRound(Y11, $15)

	VMOVUPS halfs<>(SB), Y14
	quantise(Y0, 0)
	quantise(Y1, 32)
	quantise(Y2, 64)
	quantise(Y3, 96)
	quantise(Y4, 128)
	quantise(Y5, 160)
	quantise(Y6, 192)
	quantise(Y7, 224)
	VPAND notDC<>(SB), Y0, Y8
	VPOR Y1, Y2, Y9
	VPOR Y3, Y4, Y10
	VPOR Y5, Y6, Y11
	VPOR Y7, Y8, Y8
	VPOR Y9, Y10, Y10
	VPOR Y8, Y11, Y8
	VPOR Y8, Y10, Y8
	VPTEST Y8, Y8
	JZ flat

	VMOVDQU round11<>(SB), Y13
	inverse(Y13, $11)
	transpose
	VMOVDQU round18<>(SB), Y13
	inverse(Y13, $18)

	VPACKSSDW Y1, Y0, Y8
	VPACKSSDW Y3, Y2, Y9
	VPACKSSDW Y5, Y4, Y10
	VPACKSSDW Y7, Y6, Y11
	VPACKUSWB Y9, Y8, Y8
	VPACKUSWB Y11, Y10, Y10
	VPSHUFB turn4<>(SB), Y8, Y8
	VPSHUFB turn4<>(SB), Y10, Y10
	VPUNPCKLDQ Y10, Y8, Y0
	VPUNPCKHDQ Y10, Y8, Y1
	VEXTRACTI128 $1, Y0, X2
	VEXTRACTI128 $1, Y1, X3
	VMOVQ X0, (DI)
	VPEXTRQ $1, X0, (DI)(SI*1)
	VMOVQ X1, (DI)(SI*2)
	VPEXTRQ $1, X1, (DI)(R9*1)
	VMOVQ X2, (R10)
	VPEXTRQ $1, X2, (R10)(SI*1)
	VMOVQ X3, (R10)(SI*2)
	VPEXTRQ $1, X3, (R10)(R9*1)

next:
	ADDQ $8, DI
	DECQ CX
	JNZ block
	VZEROUPPER
	RET

flat:
	// Only the mean is left: (4·dc + 16)/32 + 128, clipped.
	VMOVD X0, AX
	SHLL $2, AX
	ADDL $16, AX
	SARL $5, AX
	ADDL $128, AX
	XORL R11, R11
	CMPL AX, R11
	CMOVLLT R11, AX
	MOVL $255, R11
	CMPL AX, R11
	CMOVLGT R11, AX
	MOVQ $0x0101010101010101, R11
	IMULQ R11, AX
	MOVQ AX, (DI)
	MOVQ AX, (DI)(SI*1)
	MOVQ AX, (DI)(SI*2)
	MOVQ AX, (DI)(R9*1)
	MOVQ AX, (R10)
	MOVQ AX, (R10)(SI*1)
	MOVQ AX, (R10)(SI*2)
	MOVQ AX, (R10)(R9*1)
	JMP next

// func toYCCAVX2(y, cb, cr, rgb *uint8, n int)
TEXT ·toYCCAVX2(SB), NOSPLIT, $0-40
	MOVQ y+0(FP), DI
	MOVQ cb+8(FP), R8
	MOVQ cr+16(FP), R9
	MOVQ rgb+24(FP), SI
	MOVQ n+32(FP), CX
	VMOVDQU by3<>(SB), Y15
	VMOVDQU redGreen<>(SB), Y14
	VMOVDQU blueGreen<>(SB), Y13
	VMOVDQU lumaRG<>(SB), Y12
	VMOVDQU lumaBG<>(SB), Y11
	VMOVDQU cbRG<>(SB), Y10
	VMOVDQU crBG<>(SB), Y9
	VMOVDQU round16<>(SB), Y8
	VMOVDQU round16c<>(SB), Y7
	VMOVDQU gather<>(SB), Y6

pixels:
	VPERMD (SI), Y15, Y0
	VPSHUFB Y13, Y0, Y1           // blue and green
	VPSHUFB Y14, Y0, Y0           // red and green
	VPMADDWD Y12, Y0, Y2
	VPMADDWD Y11, Y1, Y3
	VPADDD Y8, Y2, Y2
	VPADDD Y3, Y2, Y2
	VPSRLD $16, Y2, Y2            // luma
	VPMADDWD Y10, Y0, Y3
	VPMADDWD Y9, Y1, Y4
	VPSLLD $16, Y0, Y0
	VPSRLD $1, Y0, Y0             // red in 2^15
	VPSLLD $16, Y1, Y1
	VPSRLD $1, Y1, Y1             // blue in 2^15
	VPADDD Y1, Y3, Y3
	VPADDD Y0, Y4, Y4
	VPADDD Y7, Y3, Y3
	VPADDD Y7, Y4, Y4
	VPSRLD $16, Y3, Y3
	VPSRLD $16, Y4, Y4
	VPACKUSDW Y3, Y2, Y2
	VPACKUSDW Y4, Y4, Y4
	VPACKUSWB Y4, Y2, Y2
	VPERMD Y2, Y6, Y2
	VEXTRACTI128 $1, Y2, X3
	VMOVQ X2, (DI)
	VPEXTRQ $1, X2, (R8)
	VMOVQ X3, (R9)
	ADDQ $24, SI
	ADDQ $8, DI
	ADDQ $8, R8
	ADDQ $8, R9
	SUBQ $8, CX
	JNZ pixels
	VZEROUPPER
	RET

// func toRGBAVX2(rgb, y, cb, cr *uint8, n int)
TEXT ·toRGBAVX2(SB), NOSPLIT, $0-40
	MOVQ rgb+0(FP), DI
	MOVQ y+8(FP), SI
	MOVQ cb+16(FP), R8
	MOVQ cr+24(FP), R9
	MOVQ n+32(FP), CX
	VMOVDQU centre8<>(SB), Y15
	VMOVDQU crToR<>(SB), Y14
	VMOVDQU cbToG<>(SB), Y13
	VMOVDQU crToG<>(SB), Y12
	VMOVDQU cbToB<>(SB), Y11
	VMOVDQU round16<>(SB), Y10
	VMOVDQU interleave<>(SB), Y9

pixels:
	VPMOVZXBD (SI), Y0
	VPMOVZXBD (R8), Y1
	VPMOVZXBD (R9), Y2
	VPSUBD Y15, Y1, Y1
	VPSUBD Y15, Y2, Y2
	VPMULLD Y14, Y2, Y3
	VPMULLD Y13, Y1, Y4
	VPMULLD Y12, Y2, Y5
	VPMULLD Y11, Y1, Y6
	VPADDD Y5, Y4, Y4
	VPADDD Y10, Y3, Y3
	VPADDD Y10, Y4, Y4
	VPADDD Y10, Y6, Y6
	VPSRAD $16, Y3, Y3
	VPSRAD $16, Y4, Y4
	VPSRAD $16, Y6, Y6
	VPADDD Y0, Y3, Y3
	VPADDD Y0, Y4, Y4
	VPADDD Y0, Y6, Y6
	VPACKSSDW Y4, Y3, Y3
	VPACKSSDW Y6, Y6, Y6
	VPACKUSWB Y6, Y3, Y3
	VPSHUFB Y9, Y3, Y3
	VEXTRACTI128 $1, Y3, X4
	VMOVDQU X3, (DI)
	VMOVDQU X4, 12(DI)
	ADDQ $24, DI
	ADDQ $8, SI
	ADDQ $8, R8
	ADDQ $8, R9
	SUBQ $8, CX
	JNZ pixels
	VZEROUPPER
	RET

// func halveAVX2(dst, a, b *uint8, n int)
TEXT ·halveAVX2(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ a+8(FP), SI
	MOVQ b+16(FP), R8
	MOVQ n+24(FP), CX
	VMOVDQU ones8<>(SB), Y15
	VMOVDQU bias<>(SB), Y14

samples:
	VMOVDQU (SI), Y0
	VMOVDQU (R8), Y1
	VPMADDUBSW Y15, Y0, Y0
	VPMADDUBSW Y15, Y1, Y1
	VPADDW Y14, Y0, Y0
	VPADDW Y1, Y0, Y0
	VPSRLW $2, Y0, Y0
	VPACKUSWB Y0, Y0, Y0
	VPERMQ $0x08, Y0, Y0
	VMOVDQU X0, (DI)
	ADDQ $32, SI
	ADDQ $32, R8
	ADDQ $16, DI
	SUBQ $16, CX
	JNZ samples
	VZEROUPPER
	RET

// func widenSumsAVX2(sums *uint16, near, far *uint8, n int)
TEXT ·widenSumsAVX2(SB), NOSPLIT, $0-32
	MOVQ sums+0(FP), DI
	MOVQ near+8(FP), SI
	MOVQ far+16(FP), R8
	MOVQ n+24(FP), CX

samples:
	VPMOVZXBW (SI), Y0
	VPMOVZXBW (R8), Y1
	VPADDW Y0, Y1, Y1
	VPADDW Y0, Y0, Y0
	VPADDW Y1, Y0, Y0
	VMOVDQU Y0, (DI)
	ADDQ $16, SI
	ADDQ $16, R8
	ADDQ $32, DI
	SUBQ $16, CX
	JG samples
	VZEROUPPER
	RET

// func widenMixAVX2(dst *uint8, sums *uint16, n int)
TEXT ·widenMixAVX2(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ sums+8(FP), SI
	MOVQ n+16(FP), CX
	VMOVDQU eight<>(SB), Y15
	VMOVDQU seven<>(SB), Y14

samples:
	VMOVDQU 2(SI), Y0
	VPADDW Y0, Y0, Y1
	VPADDW Y0, Y1, Y1
	VPADDW (SI), Y1, Y2
	VPADDW 4(SI), Y1, Y3
	VPADDW Y15, Y2, Y2
	VPADDW Y14, Y3, Y3
	VPSRLW $4, Y2, Y2
	VPSRLW $4, Y3, Y3
	VPSLLW $8, Y3, Y3
	VPOR Y3, Y2, Y2
	VMOVDQU Y2, (DI)
	ADDQ $32, SI
	ADDQ $32, DI
	SUBQ $16, CX
	JG samples
	VZEROUPPER
	RET

// func inverseAVX2(dst *uint8, stride int, coef *[64]int16, q *[64]int32)
TEXT ·inverseAVX2(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ stride+8(FP), SI
	MOVQ coef+16(FP), CX
	MOVQ q+24(FP), DX
	LEAQ (SI)(SI*2), R9
	LEAQ (DI)(SI*4), R10
	VPMOVSXWD 0(CX), Y0
	VPMOVSXWD 16(CX), Y1
	VPMOVSXWD 32(CX), Y2
	VPMOVSXWD 48(CX), Y3
	VPMOVSXWD 64(CX), Y4
	VPMOVSXWD 80(CX), Y5
	VPMOVSXWD 96(CX), Y6
	VPMOVSXWD 112(CX), Y7
	VPMULLD 0(DX), Y0, Y0
	VPMULLD 32(DX), Y1, Y1
	VPMULLD 64(DX), Y2, Y2
	VPMULLD 96(DX), Y3, Y3
	VPMULLD 128(DX), Y4, Y4
	VPMULLD 160(DX), Y5, Y5
	VPMULLD 192(DX), Y6, Y6
	VPMULLD 224(DX), Y7, Y7

	VMOVDQU round11<>(SB), Y13
	inverse(Y13, $11)
	transpose
	VMOVDQU round18<>(SB), Y13
	inverse(Y13, $18)

	VPACKSSDW Y1, Y0, Y8
	VPACKSSDW Y3, Y2, Y9
	VPACKSSDW Y5, Y4, Y10
	VPACKSSDW Y7, Y6, Y11
	VPACKUSWB Y9, Y8, Y8
	VPACKUSWB Y11, Y10, Y10
	VPSHUFB turn4<>(SB), Y8, Y8
	VPSHUFB turn4<>(SB), Y10, Y10
	VPUNPCKLDQ Y10, Y8, Y0
	VPUNPCKHDQ Y10, Y8, Y1
	VEXTRACTI128 $1, Y0, X2
	VEXTRACTI128 $1, Y1, X3
	VMOVQ X0, (DI)
	VPEXTRQ $1, X0, (DI)(SI*1)
	VMOVQ X1, (DI)(SI*2)
	VPEXTRQ $1, X1, (DI)(R9*1)
	VMOVQ X2, (R10)
	VPEXTRQ $1, X2, (R10)(SI*1)
	VMOVQ X3, (R10)(SI*2)
	VPEXTRQ $1, X3, (R10)(R9*1)
	VZEROUPPER
	RET

// func extendAVX2(sums *uint16, row *uint8, n int)
TEXT ·extendAVX2(SB), NOSPLIT, $0-24
	MOVQ sums+0(FP), DI
	MOVQ row+8(FP), SI
	MOVQ n+16(FP), CX

samples:
	VPMOVZXBW (SI), Y0
	VMOVDQU Y0, (DI)
	ADDQ $16, SI
	ADDQ $32, DI
	SUBQ $16, CX
	JG samples
	VZEROUPPER
	RET

// func stretchMixAVX2(dst *uint8, sums *uint16, n int)
TEXT ·stretchMixAVX2(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ sums+8(FP), SI
	MOVQ n+16(FP), CX
	VMOVDQU one<>(SB), Y15
	VPADDW Y15, Y15, Y14

samples:
	VMOVDQU 2(SI), Y0
	VPADDW Y0, Y0, Y1
	VPADDW Y0, Y1, Y1
	VPADDW (SI), Y1, Y2
	VPADDW 4(SI), Y1, Y3
	VPADDW Y15, Y2, Y2
	VPADDW Y14, Y3, Y3
	VPSRLW $2, Y2, Y2
	VPSRLW $2, Y3, Y3
	VPSLLW $8, Y3, Y3
	VPOR Y3, Y2, Y2
	VMOVDQU Y2, (DI)
	ADDQ $32, SI
	ADDQ $32, DI
	SUBQ $16, CX
	JG samples
	VZEROUPPER
	RET
