"""Makes orientations.json: pictures with EXIF's orientations in WebP files.

    pip install pillow==12.3.0 && python orientations.py
"""

import base64
import io
import json
import pathlib

from PIL import Image

made = []
for kind, options in (("WEBP", {"lossless": True}), ("WEBP", {"quality": 90})):
    for orientation in range(1, 9):
        picture = Image.new("RGB", (32, 16))
        for at, colour in enumerate([(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)]):
            picture.paste(colour, (at % 2 * 16, at // 2 * 8, at % 2 * 16 + 16, at // 2 * 8 + 8))
        exif = Image.Exif()
        exif[0x0112] = orientation
        file = io.BytesIO()
        picture.save(file, kind, exif=exif, **options)
        made.append({"orientation": orientation, "file": base64.b64encode(file.getvalue()).decode()})
target = pathlib.Path(__file__).parent / "orientations.json"
target.write_text("[\n" + ",\n".join(json.dumps(each) for each in made) + "\n]\n")
