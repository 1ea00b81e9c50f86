// Package corrupt damages images as ImageNet-C does.
package corrupt
