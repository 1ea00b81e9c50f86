"""Writes the example photographs of dlib as a data set that vtbench reads.

    git clone --depth 1 https://github.com/davisking/dlib
    python3 dlib_examples.py dlib/examples/faces OUT [--exchange]
    vtbench faces coco-face:OUT

OUT gets faces.json in COCO's layout, with the boxes and the 68 points of
training_with_face_landmarks.xml and testing_with_face_landmarks.xml, and links to the
photographs. --exchange exchanges the left and the right half of the points, as sets do
that take the subject's left for the picture's.
"""

import json
import os
import sys
import xml.etree.ElementTree as ET

# Pairs of the 68 points of iBUG that are each other's mirror image.
PAIRS = (
    [(i, 16 - i) for i in range(8)]
    + [(17 + i, 26 - i) for i in range(5)]
    + [(31, 35), (32, 34)]
    + [(36, 45), (37, 44), (38, 43), (39, 42), (40, 47), (41, 46)]
    + [(48, 54), (49, 53), (50, 52), (55, 59), (56, 58), (60, 64), (61, 63), (65, 67)]
)


def main(source, out, exchange):
    os.makedirs(out, exist_ok=True)
    images, annotations = [], []
    for name in ("training", "testing"):
        for im in ET.parse(os.path.join(source, name + "_with_face_landmarks.xml")).iter("image"):
            file = im.get("file")
            link = os.path.join(out, file)
            if not os.path.lexists(link):
                os.symlink(os.path.abspath(os.path.join(source, file)), link)
            images.append({"id": len(images), "file_name": file})
            for box in im.iter("box"):
                points = [None] * 68
                for p in box.iter("part"):
                    points[int(p.get("name"))] = [float(p.get("x")), float(p.get("y"))]
                if exchange:
                    for a, b in PAIRS:
                        points[a], points[b] = points[b], points[a]
                annotations.append({
                    "id": len(annotations),
                    "image_id": len(images) - 1,
                    "bbox": [float(box.get(k)) for k in ("left", "top", "width", "height")],
                    "keypoints": [v for p in points for v in (*p, 2)],
                })
    with open(os.path.join(out, "faces.json"), "w") as f:
        json.dump({"images": images, "annotations": annotations}, f)
    print(len(annotations), "faces in", len(images), "photographs")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], "--exchange" in sys.argv[3:])
