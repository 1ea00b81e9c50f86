package face

// The files that are used unless the user names others; internal/assets knows their
// digests and where they come from.
const (
	yuNetFile = "face_detection_yunet_2023mar.onnx"
	dlibFile  = "dlib_face_recognition_resnet_model_v1.dat"
)
